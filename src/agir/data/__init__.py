"""Episodes, windows, replay, normalisation, file formats, the dataset doctor."""
