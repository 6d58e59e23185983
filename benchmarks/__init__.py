"""How fast is it, beside the loop that everybody writes?"""
