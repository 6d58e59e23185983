"""What if stored weights are corrected before an inference?"""
