"""What if channels that matter little are taken away?"""
