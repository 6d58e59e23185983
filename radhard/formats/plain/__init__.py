"""How is a number stored without redundancy?"""
