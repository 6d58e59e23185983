"""How is a file written so that nothing is lost that was there before?"""

from radhard.files.folders import make_folder

__all__ = ["make_folder"]
