"""What if unimportant channels are removed?"""
