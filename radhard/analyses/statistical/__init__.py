"""How vulnerable are all parameters, learned from faults in some of them?"""
