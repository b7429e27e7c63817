"""What is checked about the packages that a release installs."""
