"""What does ``python -m radhard`` do?"""

from radhard.cli import program

__all__ = []

if __name__ == "__main__":
    program()
