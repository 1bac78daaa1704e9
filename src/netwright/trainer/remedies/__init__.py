"""What is changed of a course against what is wrong: of its steps, its network, its rows."""
