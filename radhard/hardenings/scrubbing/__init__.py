"""What if stored weights are put right before an inference?"""
