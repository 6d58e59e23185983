"""The semi-analytical analysis of layers and models, from value ranges and real bit flips."""
