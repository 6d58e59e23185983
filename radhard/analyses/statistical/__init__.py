"""How vulnerable are all parameters, learned from those that were tried?"""
