"""How much does each part of a model contribute to its predictions?"""
