"""What a search wants: quality and cost of an architecture in one number, and limits that it must keep."""
