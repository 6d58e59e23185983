"""How often do the intervals hold the truth, where every fault was tried?"""
