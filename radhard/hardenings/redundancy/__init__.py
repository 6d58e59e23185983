"""What if parts of a network are computed more than once?"""
