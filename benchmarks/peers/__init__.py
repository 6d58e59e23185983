"""How fast are other tools on the same networks, images and machine?"""
