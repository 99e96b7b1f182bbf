"""What the grammar makes of a prompt: who is in it, what each does, how they stand to each other."""
