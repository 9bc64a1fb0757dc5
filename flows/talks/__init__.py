"""The bot: it listens until a customer has stopped typing, understands, answers or steps aside.

hearing: who has to be answered, and when. turning: one turn at a time, in one transaction, with
the conversation held. standing: whether it may speak at all. scene: what a turn knows, and what it
says. deciding, tapping: what was said or tapped → what is done; ordering, confirming, parcels,
asking, browsing, leaving are what it can do. cart: an order that is being put together. saying:
its words.
"""
