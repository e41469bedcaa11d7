"""The pages `/manage/`: each act of `packages.life`, offered to those who may do it, where it makes sense."""
