"""The neurons themselves: which languages activate them, and whether translations agree in them."""
