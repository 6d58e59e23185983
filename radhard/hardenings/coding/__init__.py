"""What if error-correcting codes protect stored tensors?"""
