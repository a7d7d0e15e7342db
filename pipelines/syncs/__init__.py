"""Write-back: rows of customers, taken to other systems and taken back from them."""
