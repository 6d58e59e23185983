"""What does each verb do, once its options are read? A file a verb."""
