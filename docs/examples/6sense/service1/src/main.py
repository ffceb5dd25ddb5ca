print("service 1")
