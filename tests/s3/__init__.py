"""S3 servers for tests, and a proxy that does to them what networks do."""
