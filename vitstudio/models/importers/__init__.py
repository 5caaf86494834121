"""Makers of the bundled assets out of public packages; never needed to run VitStudio."""
