"""What happens: stories that touch two nouns or make something leave."""
