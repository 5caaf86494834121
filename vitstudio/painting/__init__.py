"""QPainter drawing shared by the window and the exports, so that both agree to the pixel."""
