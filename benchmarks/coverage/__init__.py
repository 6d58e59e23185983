"""How often do the intervals contain the true rate of an exhaustive campaign?"""
