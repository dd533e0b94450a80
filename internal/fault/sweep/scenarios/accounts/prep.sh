# A host on which some of what is declared is there by halves.
groupadd -g 10010 auditors
