"""What if some of a network is computed more than once?"""
