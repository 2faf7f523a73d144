"""A synthetic OAI release: anatomy, disease, MR signal, projection and DICOM writing."""
