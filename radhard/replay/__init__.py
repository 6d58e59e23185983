"""How does a difference travel through a model, from where it begins to the outputs?"""
