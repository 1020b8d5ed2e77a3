def write_page(path, rows): pass
