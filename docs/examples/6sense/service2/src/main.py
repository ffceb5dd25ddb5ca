print("service 2")
