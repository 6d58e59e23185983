"""Which deviations of a neuron, a channel or a word change the prediction?"""
