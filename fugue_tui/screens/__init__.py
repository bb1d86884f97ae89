"""What opens over the panes. Like a widget, a screen is given data and says what the user did."""
