package web

// The texts of guides (see guide.go), in the order of pageLocales.
func init() {
	for key, texts := range map[string][6]string{
		"guide_start":  {"Go through it step by step", "Schritt für Schritt durchgehen", "Repasarlo paso a paso", "Gå igenom steg för steg", "Suivre les étapes une à une", "اتبعها خطوة بخطوة"},
		"guide_step":   {"Step %d", "Schritt %d", "Paso %d", "Steg %d", "Étape %d", "الخطوة \u2068%d\u2069"},
		"guide_choose": {"Choose what fits", "Wählen Sie, was zutrifft", "Elige lo que corresponda", "Välj det som stämmer", "Choisissez ce qui convient", "اختر ما يناسب حالتك"},
		"guide_tried":  {"So far", "Bisher", "Hasta ahora", "Hittills", "Jusqu'ici", "ما سبق"},
		"guide_done":   {"Done", "Fertig", "Listo", "Klart", "Terminé", "انتهينا"},
		"guide_person": {"A person can go on from here", "Ab hier kann ein Mensch weitermachen", "Desde aquí puede seguir una persona", "Härifrån kan en människa ta vid", "Une personne peut prendre la suite", "يمكن لشخص من فريقنا أن يتابع معك من هنا"},
		"guide_ready":  {"It helps to have this at hand:", "Hilfreich ist, wenn Sie das zur Hand haben:", "Ayuda tener esto a mano:", "Det hjälper om du har detta till hands:", "Il est utile d'avoir ceci sous la main :", "من المفيد أن يكون هذا في متناولك:"},
		"guide_back":   {"One step back", "Einen Schritt zurück", "Un paso atrás", "Ett steg tillbaka", "Revenir d'une étape", "خطوة إلى الوراء"},
		"guide_again":  {"Begin again", "Von vorn beginnen", "Empezar de nuevo", "Börja om", "Recommencer", "البدء من جديد"},
		"guide_all":    {"Show the whole article", "Den ganzen Artikel zeigen", "Ver todo el artículo", "Visa hela artikeln", "Voir tout l'article", "عرض المقالة كاملة"},
	} {
		pageTexts[key] = texts
	}
}
