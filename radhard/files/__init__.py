"""How is a file written so that nothing is lost that was there before?"""

from radhard.files.folders import make_folder
from radhard.files.table import write_table

__all__ = ["make_folder", "write_table"]
