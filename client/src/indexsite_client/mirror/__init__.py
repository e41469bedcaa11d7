"""`indexsite mirror`: a folder that holds an index as plain files, every byte verified before it got its name."""
