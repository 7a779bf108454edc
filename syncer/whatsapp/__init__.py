"""The WhatsApp Business Platform (Cloud API): what we ask of it, what it answers, what it tells us by webhook."""
