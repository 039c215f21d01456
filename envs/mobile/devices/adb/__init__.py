"""A real phone, over the Android debug bridge: gestures, the screen, and what its apps tell."""
