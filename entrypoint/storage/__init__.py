"""What lies under s3:// URIs, brought to directories."""
