"""How fast is radhard, compared with a naive loop?"""
