let sides = 3
