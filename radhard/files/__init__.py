"""How is a file written without losing its previous content on failure?"""

from radhard.files.atomic import check_writable, replaced, write_texts
from radhard.files.contents import contents_replaced, earlier_contents
from radhard.files.folders import make_folder
from radhard.files.table import write_table

__all__ = [
    "check_writable",
    "contents_replaced",
    "earlier_contents",
    "make_folder",
    "replaced",
    "write_table",
    "write_texts",
]
