"""The command ``cckit``: a file a command, loaded when it is called.

Files here parse arguments, call the library and print. ``main`` starts without loading
anything heavy, so ``cckit --version`` answers at once.
"""
