"""Which deviations of a neuron, a channel or a word change what the model says?"""
