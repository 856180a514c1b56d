"""Cases: what a customer wants, over all their contacts and channels, until it is done."""
