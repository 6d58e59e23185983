"""How is a number stored with redundancy, so that errors are detected or corrected?"""
