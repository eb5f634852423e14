from lcnet.supernovae.read import read
