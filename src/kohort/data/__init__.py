"""Every source of data becomes blocks: arrays, and the numbers of the rows of each batch."""
