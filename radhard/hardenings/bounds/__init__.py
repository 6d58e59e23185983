"""What if activations are bounded to the values that occur in a fault-free network?"""
