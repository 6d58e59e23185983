"""What if activations may not grow beyond what a fault-free network needs?"""
